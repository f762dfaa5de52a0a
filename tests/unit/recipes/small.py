"""Settings with which a recipe takes a fraction of a second."""

from fmlab.models.configs import GPTConfig
from fmlab.recipes.pretrain import Rung
from microworld import MicroWorld
from tests.unit.tiny import unmeasured

CONFIG = GPTConfig(vocab_size=300, context_length=16, n_layers=1, n_heads=2, d_model=8)
WORLD = MicroWorld(n_people=100)
RUNG = Rung(CONFIG, n_epochs=2, learning_rate=0.01)
SMALL = dict(rung=RUNG, world=WORLD, n_documents=20, measure_peak=unmeasured)
FINISHED = {"model.safetensors", "config.json", "bpe.json", "card.json"}


def files(folder):
    return {path.name for path in folder.iterdir()}
