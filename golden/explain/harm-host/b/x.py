ALLOWED = 'host-of-round-1'
