"""Which numbers a training computes in when it is left to the machine."""

import pytest
import torch

import latentia as lt
from latentia import data
from latentia.core import Training
from latentia.nn.conv import WHOLE
from latentia.training import machine
from latentia.training.machine import HEAVY, device_of, machine_for, products


@pytest.fixture(scope="module")
def pictures():
    return data.open(torch.zeros(40, 1, 16, 12).bernoulli_(generator=torch.Generator().manual_seed(0))).train


def test_products_of_a_net_counted_by_hand(pictures):
    mlp = lt.VAE(latent=3, body="mlp", hidden=(5,))
    assert products(mlp, pictures, 7) == 7 * (192 * 5 + 5 * 6 + 3 * 5 + 5 * 192)
    conv = lt.VAE(latent=3, body="conv", hidden=(4,))
    inner = 8 * 6
    encoder = inner * 4 * 16 + inner * 4 * WHOLE + WHOLE * 6
    decoder = 3 * WHOLE + WHOLE * inner * 4 + inner * 4 * 16
    assert products(conv, pictures, 7) == 7 * (encoder + decoder)


def test_counting_leaves_the_default_generator_alone(pictures):
    before = torch.get_rng_state()
    products(lt.VAE(latent=3), pictures, 128)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("multiplies", [True, False])
def test_heavy_steps_take_all_threads_and_bf16_where_the_hardware_has_it(pictures, monkeypatch, multiplies):
    monkeypatch.setattr(machine, "_multiplies_bf16", lambda device: multiplies)
    recipe = lt.VAE(latent=3, body="mlp", hidden=(500,))
    light = Training(device="cpu", batch=int(HEAVY // products(recipe, pictures, 1)))
    heavy = Training(device="cpu", batch=light.batch + 1)
    assert machine_for(light, recipe, pictures).precision == "float32"
    assert machine_for(heavy, recipe, pictures).precision == ("bf16" if multiplies else "float32")
    assert machine_for(Training(device="cpu", precision="bf16"), recipe, pictures).precision == "bf16"
    assert (machine_for(light, recipe, pictures).threads, machine_for(heavy, recipe, pictures).threads) == (1, None)


@pytest.mark.parametrize("word", ["auto", "cuda"])
def test_each_process_of_a_machine_takes_a_gpu_of_its_own(monkeypatch, word):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for local, device in (("0", "cuda:0"), ("1", "cuda:1"), ("2", "cuda:0")):
        monkeypatch.setenv("LOCAL_RANK", local)
        assert str(device_of(word)) == device
