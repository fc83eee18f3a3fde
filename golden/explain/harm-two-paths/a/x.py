P = '/etc/x/y'
