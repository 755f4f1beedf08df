"""What a run executes: a sealed copy of playbooks/, named by its digest."""
