x.tmpname_one()
