"""The people's side of AIVM: chain, content, publishers, validators, requesters."""
