"""Score a saved experiment or imported weights.

python test.py key=KEY eval_on=minitest
python test.py key=KEY dataset=rhd eval_on=test
python test.py load_ckpt=logs/KEY/model_dump/best.ckpt eval_on=test
python test.py method=v2v dataset=msra load_from=weights.pth eval_on=test
"""

from carpus.engine.entry import test_main

if __name__ == "__main__":
    test_main()
