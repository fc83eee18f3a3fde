call(build)
