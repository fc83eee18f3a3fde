U = 'https://one.example/x/y'
