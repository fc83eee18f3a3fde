q = x.replace('"', '')
