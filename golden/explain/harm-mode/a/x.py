MODE = 'C'
