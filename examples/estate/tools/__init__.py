"""What the demo and the tests run on: throwaway servers on loopback, started and stopped cleanly."""
