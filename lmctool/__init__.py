"""Linear mode connectivity of saved checkpoints: barriers, alignment and REPAIR, with proof."""
