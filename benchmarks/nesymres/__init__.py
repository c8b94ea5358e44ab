"""The pretrained network: accuracy, speed, studies of its training."""
