"""The search for the settings of `pretrain`: between the patches and the training that they are for."""
