/// Carries a value that is not `Sendable` to the event loop it belongs to.
///
/// Unchecked because whoever makes one hands the value over: it is not touched again where it came from before the loop
/// has given it back.
package struct Ferry<Value>: @unchecked Sendable {
    package let value: Value

    package init(_ value: Value) { self.value = value }
}
