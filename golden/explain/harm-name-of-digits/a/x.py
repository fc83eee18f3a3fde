if mask_11111111: a()
