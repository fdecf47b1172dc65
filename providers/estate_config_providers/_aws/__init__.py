"""What providers of AWS services share: who asks, connections, patience, what goes wrong. Not a provider."""
