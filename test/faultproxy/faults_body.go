package faultproxy

func bodyKinds() []kind { return nil }
