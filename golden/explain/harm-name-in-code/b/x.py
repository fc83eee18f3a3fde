x.tmpname_two()
