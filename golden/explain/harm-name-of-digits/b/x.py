if mask_22222222: a()
