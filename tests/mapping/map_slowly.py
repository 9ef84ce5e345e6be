"""Maps a scene, a little time for each batch, to be killed meanwhile: `python map_slowly.py SCENE TARGET`."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chronoslide.mapping.map_writer import write_map
from chronoslide.scenes.scene import open_scene
from mapping.mapped_scene import MAP, STATISTICS, smooth
from mapping.test_map_writer import TAGS


def slowly(images):
    time.sleep(0.02)
    return smooth(images)


with open_scene(Path(sys.argv[1])) as scene:
    print("begins", flush=True)
    write_map(Path(sys.argv[2]), scene, slowly, STATISTICS, MAP, key="k", tags=TAGS)
