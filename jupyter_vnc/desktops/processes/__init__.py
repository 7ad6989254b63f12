"""The processes of a desktop: started, watched, and cleared away."""
