"""One module for each provider, behind `community.payments.provider.Provider`."""
