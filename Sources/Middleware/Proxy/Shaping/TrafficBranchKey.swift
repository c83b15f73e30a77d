/// The name of the branch that a ``TrafficSplit`` has chosen, the innermost if there are several; `nil` outside of one.
public enum TrafficBranchKey: ContextKey {
    public static var defaultValue: String? { nil }
}
