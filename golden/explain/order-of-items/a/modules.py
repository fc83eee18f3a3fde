MODULES = ['delta', 'beta', 'gamma', 'alpha']
