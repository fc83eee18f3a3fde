q = x.replace('”', '')
