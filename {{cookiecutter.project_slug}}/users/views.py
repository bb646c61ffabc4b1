from django.conf import settings
from django.contrib.auth import login
from django.views.generic import CreateView
from rest_framework import generics, permissions

from users.forms import SignUpForm
from users.serializers import UserSerializer


class SignUpView(CreateView):
    """Create an account and sign in to it."""

    form_class = SignUpForm
    template_name = "registration/signup.html"
    success_url = settings.LOGIN_REDIRECT_URL

    def form_valid(self, form):
        response = super().form_valid(form)
        login(self.request, self.object)
        return response


class MeView(generics.RetrieveUpdateAPIView):
    """The signed-in user's own account."""

    serializer_class = UserSerializer
    permission_classes = [permissions.IsAuthenticated]

    def get_object(self):
        return self.request.user
