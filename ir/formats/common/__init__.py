"""What all formats need.

atomic_files    files that are replaced whole or not at all
regular_file    opens files only, no pipes and no devices
auto_pad        padding that follows from the size of the input
local_response  local response normalization in other operators
opset_table     which function reads an operator of which opset
"""
