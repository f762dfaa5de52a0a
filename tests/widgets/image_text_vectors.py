"""What Python expects of the image-text explorer's JavaScript."""

from itertools import product

from fmlab.data.pictures import captioned_pictures
from fmlab.models.clip import ImageTextModel
from fmlab.widgets import ImageTextExplorer as Widget
from fmlab.widgets.image_text import CHOICES, caption_of

WORDS = ["one", "two", "three", "red", "blue", "circle", "rings", "at", "the", "top"]


def vectors():
    data = captioned_pictures(12)
    explorer = Widget(ImageTextModel(WORDS), data.pictures, data.scenes)
    names = ("choices", "labels", "unseen", "size", "picture_vectors", "caption_vectors")
    searches = []
    for choice in list(product(*CHOICES.values()))[::17]:
        chosen = dict(zip(CHOICES, choice))
        for name, value in chosen.items():
            setattr(explorer, name, value)
        searches.append(
            {
                "chosen": chosen,
                "caption": caption_of(*choice),
                "similarities": explorer.similarities.tolist(),
                "nearest": explorer.nearest,
            }
        )
    return {"traits": {name: getattr(explorer, name) for name in names}, "searches": searches}
