# What `tests/run nss` asks the accounts with, on hosts in namespaces of their own: installed and never started as services.
openssh-server
openssh-client
sudo
iproute2
libfaketime
# The tree that boots by hand, kept in the cache.
debootstrap
