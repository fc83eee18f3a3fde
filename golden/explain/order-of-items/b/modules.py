MODULES = ['alpha', 'gamma', 'beta', 'delta']
