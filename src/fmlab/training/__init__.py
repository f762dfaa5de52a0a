"""From examples to a trained model: pre-training and supervised finetuning."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "run": ["Run", "Sample", "Step"],
        "loop": ["Settings", "Trainer", "training_steps", "update"],
        "pretraining": ["pretrain"],
        "finetuning": ["finetune", "finetune_encoded", "response_loss"],
        "contrastive": ["train_contrastive"],
        "widths": ["scale_with_width"],
    },
)
