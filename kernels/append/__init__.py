"""One decode step's way into the cache: rotate q and k, write the new K and V rows, in one launch on a GPU."""
