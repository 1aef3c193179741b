"""Every proxy agrees with an independent, naive statement of its formula."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fitness import Batch, Task, proxies
from fitness.bn_slope import log_slopes
from fitness.bounds import Interval, logit_bounds, lower_margins
from spaces import NetworkSize, spaces

SIZES = {
    "nasbench201": NetworkSize(4, 1, image_size=12),
    "darts": NetworkSize(4, 3, image_size=12),
    "robnet": NetworkSize(4, 1, image_size=12),
}
CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|none~2|"


def random_batch(n=6, side=12):
    generator = torch.Generator().manual_seed(3)
    low, high = torch.full((3, 1, 1), -1.9).double(), torch.full((3, 1, 1), 2.1).double()
    images = low + (high - low) * torch.rand(n, 3, side, side, generator=generator, dtype=torch.float64)
    return Batch(images, torch.randint(0, 10, (n,), generator=generator), low, high)


def case(space_name):
    space = spaces[space_name]
    task = Task(space, SIZES[space_name], seed=7, batch=random_batch(), dtype=torch.float64)
    genotype = space.parse(CELL) if space_name == "nasbench201" else space.random(np.random.default_rng(5))
    return space.canonical(genotype), task


def layers(network):
    return [(name, m) for name, m in network.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def backward(task, genotype):
    network = task.network(genotype)
    images, labels = task.images_and_labels()
    F.cross_entropy(network(images), labels).backward()
    return network


def naive_plain(genotype, task):
    return sum((m.weight * m.weight.grad).sum().item() for _, m in layers(backward(task, genotype)))


def naive_snip(genotype, task):
    """With an explicit mask on the weights, as the pruning paper defines it."""
    network = task.network(genotype)
    images, labels = task.images_and_labels()
    masks = {f"{name}.weight": torch.ones_like(m.weight).requires_grad_() for name, m in layers(network)}
    masked = {
        name: p.detach() * masks[name] if name in masks else p.detach() for name, p in network.named_parameters()
    }
    F.cross_entropy(torch.func.functional_call(network, masked, (images,)), labels).backward()
    return sum(mask.grad.abs().sum().item() for mask in masks.values())


def naive_grad_norm(genotype, task):
    return sum(math.sqrt((m.weight.grad**2).sum().item()) for _, m in layers(backward(task, genotype)))


def naive_fisher(genotype, task):
    network = task.network(genotype)
    images, labels = task.images_and_labels()
    outputs = {}
    for name, m in layers(network):
        m.register_forward_hook(lambda m, i, o, name=name: (o.retain_grad(), outputs.update({name: o}))[0])
    F.cross_entropy(network(images), labels).backward()
    total = 0.0
    for name, m in layers(network):
        for k in range(m.weight.shape[0]):
            effects = [
                float((outputs[name][n, k] * outputs[name].grad[n, k]).sum()) ** 2 for n in range(len(images))
            ]
            total += np.mean(effects) / 2
    return total


def naive_grasp(genotype, task):
    """H g by forward-mode differentiation of the gradient."""
    network = task.network(genotype)
    images, labels = task.images_and_labels()
    buffers = {name: b.clone() for name, b in network.named_buffers() if "num_batches" not in name}
    named = dict(network.named_parameters())
    theta = {f"{name}.weight": named[f"{name}.weight"].detach() for name, _ in layers(network)}
    rest = {name: p.detach() for name, p in named.items() if name not in theta}

    def loss(theta):
        buffers_now = {name: b.clone() for name, b in buffers.items()}
        return F.cross_entropy(
            torch.func.functional_call(network, {**rest, **theta, **buffers_now}, images), labels
        )

    for m in network.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.track_running_stats = False
    gradient = torch.func.grad(loss)
    _, hg = torch.func.jvp(gradient, (theta,), (gradient(theta),))
    return -sum(float((theta[name] * hg[name]).sum()) for name in theta)


def naive_naswot(genotype, task):
    network = task.network(genotype)
    images, _ = task.images_and_labels()
    codes, alive = {}, set()
    for name, m in network.named_modules():
        if isinstance(m, nn.ReLU):
            m.register_forward_hook(lambda m, i, o, name=name: codes.update({name: (i[0] > 0).flatten(1)}))
            m.register_full_backward_hook(lambda m, i, o, name=name: alive.add(name))
    network(images.clone().requires_grad_()).sum().backward()
    n = len(images)
    k = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for name in alive:
                a, b = codes[name][i], codes[name][j]
                k[i, j] += len(a) - int((a != b).sum())
    return np.linalg.slogdet(k)[1]


def naive_jacob_cov(genotype, task):
    network = task.network(genotype)
    images, _ = task.images_and_labels()
    x = images.clone().requires_grad_()
    network(x).backward(torch.ones(len(x), 10, dtype=x.dtype))
    v = np.linalg.eigvals(np.corrcoef(x.grad.reshape(len(x), -1).numpy())).real
    return -np.sum(np.log(v + 1e-5) + 1 / (v + 1e-5))


def naive_zico(genotype, task):
    images, labels = task.images_and_labels()
    half, per_batch = len(images) // 2, []
    for part in (slice(None, half), slice(half, None)):
        network = task.network(genotype)
        F.cross_entropy(network(images[part]), labels[part]).backward()
        per_batch.append([m.weight.grad.flatten().numpy() for _, m in layers(network)])
    score = 0.0
    for g in zip(*per_batch, strict=True):
        deviation, mean = np.std(g, axis=0), np.mean(np.abs(g), axis=0)
        nonzero = deviation != 0
        score += np.log(np.sum(mean[nonzero] / deviation[nonzero])) if nonzero.any() else 0
    return score


def naive_synflow(genotype, task):
    network = task.network(genotype, norm=False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    network(torch.ones(1, 3, task.size.image_size, task.size.image_size, dtype=torch.float64)).sum().backward()
    return math.log(sum((m.weight * m.weight.grad).abs().sum().item() for _, m in layers(network)))


def frozen(genotype, task):
    """The network in evaluation mode, its running statistics those of the batch."""
    network = task.network(genotype)
    images, _ = task.images_and_labels()

    def set_statistics(m, inputs):
        x = inputs[0].detach()
        m.running_mean.copy_(x.mean((0, 2, 3)))
        m.running_var.copy_(x.var((0, 2, 3), unbiased=False))

    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for m in norms:
        m.momentum = 0.0
    handles = [m.register_forward_pre_hook(set_statistics) for m in norms]
    network(images)
    for handle in handles:
        handle.remove()
    return network.eval()


def naive_jacobian_norm(genotype, task):
    network = frozen(genotype, task)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.zero_() if name.endswith("bias") else parameter.abs_()
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.zero_()
        return -math.log(network(torch.ones_like(task.batch.images[:1])).max().item())


def naive_bn_slope(genotype, task):
    """Live: its output varies, and noise in its place changes the logits."""
    images, _ = task.images_and_labels()

    def logits(layer=None):
        network = task.network(genotype)
        norms = {name: m for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
        varies = {}
        for name, m in norms.items():
            m.momentum = 1.0
            m.register_forward_hook(lambda m, i, o, name=name: varies.update({name: bool(o.std() > 0)}))
        if layer:
            noise = torch.Generator().manual_seed(1)
            norms[layer].register_forward_hook(
                lambda m, i, o: torch.randn(o.shape, generator=noise, dtype=o.dtype)  # of another network
            )
        counts = {}
        for name, m in norms.items():
            m.register_forward_pre_hook(
                lambda m, i, name=name: counts.update({name: i[0].numel() // i[0].shape[1]})
            )
        return network(images).detach(), norms, varies, counts

    y, norms, varies, counts = logits()
    total = 0.0
    for name, m in norms.items():
        if varies[name] and not torch.equal(logits(name)[0], y):
            n = counts[name]
            for variance in m.running_var.tolist():  # unbiased
                total -= 0.5 * math.log(variance * (n - 1) / n + m.eps) / m.num_features
    return total


def naive_box(task, radius):
    """In normalised values; nothing else of the bounds is naive, see test_bounds.py."""
    images, low, high = task.batch.images, task.batch.low, task.batch.high
    ends = [(images + sign * radius * (high - low)).clamp(low, high) for sign in (-1, 1)]
    return Interval((ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2)


def naive_interval_width(genotype, task):
    low, high = logit_bounds(frozen(genotype, task), naive_box(task, 1 / 255))
    return -(high - low).mean().log().item()


def naive_certified_radius(genotype, task):
    network = frozen(genotype, task)
    labels = network(task.batch.images).argmax(1)
    logs = []
    for image in range(len(labels)):
        low, high = -44.0, 0.0
        for _ in range(16):
            middle = (low + high) / 2
            certified = lower_margins(network, naive_box(task, 2**middle), labels).amin(1)[image] > 0
            low, high = (middle, high) if certified else (low, middle)
        logs.append(low)
    return sum(logs) / len(logs)


NAIVE = {
    "bn-slope": naive_bn_slope,
    "plain": naive_plain,
    "snip": naive_snip,
    "grad-norm": naive_grad_norm,
    "fisher": naive_fisher,
    "grasp": naive_grasp,
    "naswot": naive_naswot,
    "jacob-cov": naive_jacob_cov,
    "zico": naive_zico,
    "synflow": naive_synflow,
    "jacobian-norm": naive_jacobian_norm,
    "interval-width": naive_interval_width,
}


@pytest.mark.parametrize("space", list(spaces))
@pytest.mark.parametrize("name", NAIVE)
def test_proxy_equals_its_naive_formula(name, space):
    genotype, task = case(space)
    score = proxies[name].score(genotype, task)
    assert score.value == pytest.approx(NAIVE[name](genotype, task), rel=1e-6), score.reason


@pytest.mark.parametrize(
    "cell",
    [
        "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|",  # fed by none
        "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|",  # feeds none
    ],
)
def test_bn_slope_leaves_out_what_is_not_live(cell):
    task, space = case("nasbench201")[1], spaces["nasbench201"]
    genotype = space.parse(cell)
    images, labels = task.images_and_labels()
    network = task.network(genotype)
    live = set(log_slopes(network, images, labels))
    norms = {name for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert len(norms - live) == 3  # one layer of the one cell in each of three stages
    assert proxies["bn-slope"].score(genotype, task).value == pytest.approx(
        naive_bn_slope(genotype, task), rel=1e-9
    )


@pytest.mark.parametrize("space", list(spaces))
def test_jacobian_norm_bounds_the_jacobian_of_every_image(space):
    genotype, task = case(space)
    network = frozen(genotype, task)
    x = task.batch.images.clone().requires_grad_()
    logits = network(x)
    bound = math.exp(-proxies["jacobian-norm"].score(genotype, task).value)
    for k in range(10):
        (gradient,) = torch.autograd.grad(logits[:, k].sum(), x, retain_graph=True)
        assert gradient.abs().flatten(1).sum(1).max() <= bound


def naive_printed(genotype, task, x_prime):
    """Equations 3 to 10 with the perturbed images given, on a network whose layers are hooked."""
    network = task.network(genotype)
    images, labels = task.images_and_labels()
    followers = {}
    for m in network.modules():
        if isinstance(m, nn.Sequential):
            followers.update(zip(list(m)[:-1], list(m)[1:], strict=True))
    z = {}
    for name, m in layers(network):
        follower = followers.get(m)
        judged = follower if isinstance(follower, nn.BatchNorm2d) else m
        judged.register_forward_hook(lambda m, i, o, name=name: z.update({name: o.detach().flatten()}))

    def run(x):
        network.zero_grad()
        F.cross_entropy(network(x), labels).backward()
        return dict(z), {name: m.weight.grad.flatten().clone() for name, m in layers(network)}

    theta = {name: m.weight.detach().flatten().clone() for name, m in layers(network)}
    z_clean, g = run(images)
    with torch.no_grad():
        for name, m in layers(network):
            if g[name].norm() > 0:
                m.weight += (2 * theta[name].norm() * g[name] / g[name].norm()).view_as(m.weight)
    robust = {name: m.weight.detach().flatten().clone() for name, m in layers(network)}
    z_robust, g_robust = run(x_prime)

    def cos(u, v):
        return float(u @ v / (u.norm() * v.norm())) if u.norm() > 0 and v.norm() > 0 else 0.0

    return {
        name: {
            "Z": 1 + cos(z_clean[name], z_robust[name]),
            "P": 1 + cos(theta[name] - 0.001 * g[name], robust[name] - 0.001 * g_robust[name]),
            "G": abs(cos(g[name], g_robust[name])),
        }
        for name in theta
    }


@pytest.mark.parametrize("space", list(spaces))
def test_croze_paper_without_input_perturbation_equals_the_equations(space):
    genotype, task = case(space)
    terms = naive_printed(genotype, task, task.batch.images).values()
    expected = sum(t["Z"] * t["P"] * t["G"] for t in terms)
    assert proxies["croze-paper[none]"].score(genotype, task).value == pytest.approx(expected, rel=1e-6)


def test_croze_paper_gaussian_takes_noise_of_the_same_size_for_every_genotype(monkeypatch):
    genotype, task = case("nasbench201")
    seen = []
    monkeypatch.setattr("fitness.croze_single._with_images", lambda g, t, x: seen.append(x) or 1.0)
    proxies["croze-paper[gaussian]"].score(genotype, task)
    proxies["croze-paper[gaussian]"].score(task.space.random(np.random.default_rng(0)), task)
    noise = seen[0] - task.batch.images
    assert torch.equal(seen[0], seen[1])
    assert 0.009 < noise.std() < 0.0105
    assert (seen[0] >= task.batch.low).all() and (seen[0] <= task.batch.high).all()


@pytest.mark.parametrize("space", list(spaces))
@pytest.mark.parametrize("term", ["Z", "P", "G"])
def test_croze_paper_term_equals_the_equations(term, space):
    from fitness import croze_paper_terms

    genotype, task = case(space)
    images, labels = task.images_and_labels()
    _, x_prime = croze_paper_terms(task.network(genotype), images, labels, task.batch.low, task.batch.high)
    expected = sum(t[term] for t in naive_printed(genotype, task, x_prime).values())
    assert proxies[f"croze-paper:{term}"].score(genotype, task).value == pytest.approx(expected, rel=1e-6)


def test_croze_terms_are_the_sums_of_the_released_form():
    from fitness import croze_terms

    genotype, task = case("nasbench201")
    images, labels = task.images_and_labels()
    terms, _ = croze_terms(task.network(genotype, norm=False), images, labels)
    for term in "PGZ":
        expected = sum(getattr(layer, term) for layer in terms.values())
        assert proxies[f"croze:{term}"].score(genotype, task).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "space", [pytest.param(name, marks=[] if name == "nasbench201" else pytest.mark.slow) for name in spaces]
)
def test_certified_radius_is_that_of_a_bisection(space):
    genotype, task = case(space)
    task = replace(task, batch=Batch(*(x[:2] for x in task.batch[:2]), *task.batch[2:]))
    score = proxies["certified-radius"].score(genotype, task)
    assert score.value == pytest.approx(naive_certified_radius(genotype, task), abs=0.002), score.reason


def test_no_prediction_changes_in_its_certified_radius():
    genotype, task = case("nasbench201")
    task = replace(task, batch=Batch(*(x[:1] for x in task.batch[:2]), *task.batch[2:]))
    network, images = frozen(genotype, task), task.batch.images
    radius = 2 ** proxies["certified-radius"].score(genotype, task).value
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        corner = 2 * torch.randint(2, images.shape, generator=generator) - 1
        moved = images + radius * (task.batch.high - task.batch.low) * corner
        assert network(moved).argmax() == network(images).argmax()


def test_radii_that_float64_does_not_resolve_are_no_score():
    task = replace(case("nasbench201")[1], size=NetworkSize(4, 5, image_size=12))
    genotype = spaces["nasbench201"].parse(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )
    assert "float64 does not resolve" in proxies["certified-radius"].score(genotype, task).reason
    assert proxies["interval-growth"].score(genotype, task).value > 40
