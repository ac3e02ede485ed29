module example/check

go 1.19
