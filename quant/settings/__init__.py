"""The declarations of all options, one each; Python, the command line, configuration files and the docs
follow.

    option                    what a declaration is
    quantize_options          the options of `quantize`
    range_options             what `weights`, `activations` and `range_estimator` can be told
    accuracy_aware_options    the options of the search, and of its measurements
    finetune_options          the options of `finetune`
    option_types              holds a value against the type that an option declares
    signature                 signatures that declarations stand for
    arguments                 the other arguments of the Python API
    options_page              the page of the docs
"""
