"""Fit one experiment and test it.

python train.py method=v2v dataset=msra              a new experiment
python train.py resume=KEY                           continue where it stopped
python train.py -m loss=gauss,integral seed=1,2,3    a sweep
"""

from carpus.engine.entry import train_main

if __name__ == "__main__":
    train_main()
