"""The guided tour: five steps from multi-head attention to selective V."""
