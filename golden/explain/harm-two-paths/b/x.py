P = '/r/b-of-round-1/y'
