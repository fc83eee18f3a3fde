run(['mv', OLD, NEW])
