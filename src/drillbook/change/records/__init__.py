"""The files of a change: the request, the plan, the approvals, the result; read strictly, shown, compared."""
