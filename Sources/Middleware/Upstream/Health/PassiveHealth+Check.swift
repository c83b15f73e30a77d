extension PassiveHealth {
    package func check(_ blueprint: inout Blueprint) {
        if let consecutiveFailures {
            blueprint.require(
                consecutiveFailures >= 1, "ejects after \(consecutiveFailures) failures",
                mend: "give 1 or more, or nil for none")
        }
        if let failureRate {
            blueprint.require(
                failureRate.share > 0 && failureRate.share <= 1, "ejects at a failure rate of \(failureRate.share)",
                mend: "give more than 0 and at most 1")
            blueprint.require(
                failureRate.minimumRequests >= 1, "judges a failure rate by \(failureRate.minimumRequests) requests",
                mend: "give 1 or more")
        }
        successRate?.check("success rates", &blueprint)
        responseTime?.check("response times", &blueprint)
        for status in failureStatuses.union(errorStatuses).sorted() where !(200...599).contains(status) {
            blueprint.require(false, "counts the status \(status) as a failure", mend: "give statuses from 200 to 599")
        }
        blueprint.require(interval > .zero, "compares endpoints every \(interval)", mend: "give more than zero")
        blueprint.require(
            window >= interval, "has a window of \(window) and an interval of \(interval)",
            mend: "give a window at least as long as the interval")
        blueprint.require(ejectionTime > .zero, "ejects for \(ejectionTime)", mend: "give more than zero")
        blueprint.require(
            maximumEjectionTime >= ejectionTime,
            "ejects for \(ejectionTime) and for \(maximumEjectionTime) at most",
            mend: "give a maximum that is no less")
        blueprint.require(forgivenAfter > .zero, "forgives after \(forgivenAfter)", mend: "give more than zero")
        blueprint.require((0...1).contains(jitter), "has a jitter of \(jitter)", mend: "give 0 to 1")
        blueprint.require(
            (0...1).contains(maximumEjected), "ejects a share of \(maximumEjected) at most", mend: "give 0 to 1")
    }
}

extension PassiveHealth.Outliers {
    fileprivate func check(_ what: String, _ blueprint: inout Blueprint) {
        blueprint.require(
            factor >= 0 && factor.isFinite, "compares \(what) by a factor of \(factor)", mend: "give 0 or more")
        blueprint.require(
            margin > 0 && margin.isFinite, "compares \(what) by a margin of \(margin)", mend: "give more than 0")
        blueprint.require(
            minimumEndpoints >= 3, "compares \(what) among \(minimumEndpoints) endpoints", mend: "give 3 or more")
        blueprint.require(
            minimumRequests >= 1, "compares \(what) by \(minimumRequests) requests", mend: "give 1 or more")
    }
}
