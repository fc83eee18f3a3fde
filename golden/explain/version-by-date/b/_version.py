version = "1.0.1.dev3+g0123abc.d20270106"
