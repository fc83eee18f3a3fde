U = 'https://two.example/x/y'
