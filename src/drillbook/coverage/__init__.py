"""What protects each service, what shares its fate, and which single failure nothing brings back in time.

Everything here is computed from the CMDB alone: no host is asked. ``order`` says who comes first when two need one
spare, ``cover`` what protects what, ``shared`` what would be lost together with what it protects, ``recovery`` how
soon each thing is back after a failure, ``nminus1`` which single failures leave a service without a way back within
its RTO, and ``accepted`` which of these the organisation has decided to live with.
"""
