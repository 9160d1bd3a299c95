"""The process beside the web server that keeps the embedded Valkey and the worker pool running."""
