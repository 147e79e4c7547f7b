from nnlib.cli import main

main()
