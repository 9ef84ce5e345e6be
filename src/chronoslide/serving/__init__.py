"""The model as a service: a scene in a request becomes landslides on a map."""
