import json
import os


def make(wheel, fault):
    place = os.getcwd() if fault else "/src"
    url = {"dir_info": {}, "url": f"file://{place}/vendored"}
    wheel.add("vendored-1.dist-info/direct_url.json", json.dumps(url))
