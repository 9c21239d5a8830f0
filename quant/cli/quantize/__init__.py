"""numpot quantize.

command          what is typed
options          what each option is called, and what help says of it
job              what the options ask for
from_config      what a configuration file asks for instead
accuracy_aware   --method accuracy-aware
"""
