"""Small networks whose sizes follow from what they are given; they know no loss and no distribution.

Bodies run in whatever precision the loop chose; the last layer of every net runs in float32 (float64 in a double net).
"""
